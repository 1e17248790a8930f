"""Values of the documents: names, dates, money, links; and the words in which people write them."""
