// The typing form of a passphrase (70-vault, Passphrases): the part of it that counts.

const apostrophes = /[\u2018-\u201b\u02b9\u02bc\u00b4\u0060\u2032\uff07]/g;
const gaps = /[\p{White_Space}\u001c-\u001f\u002d\u005f\u00ad\u200b\u2010-\u2015\u2043\u2060\u2212\ufe58\ufe63\ufeff\uff0d]+/gu;
const cherokee = /^[\u13a0-\u13fd\uab70-\uabbf]$/;

// Full case folding, which JavaScript does not have: that of a letter is the small form of its capital, with two exceptions.
function folded(letter: string): string {
  if (letter === "\u0131") return letter; // i without a dot
  const capital = letter.toLowerCase().toUpperCase();
  return cherokee.test(letter) ? capital : Array.from(capital, (one) => one.toLowerCase()).join("");
}

// Those that may open something, in the order in which they are tried.
export const formsOf = (passphrase: string) => new Set([typingForm(passphrase), passphrase.normalize("NFC")]);

export function typingForm(passphrase: string): string {
  const composed = Array.from(passphrase.replace(apostrophes, "'").normalize("NFKC"), folded).join("").normalize("NFKC");
  return composed.replace(gaps, " ").replace(/^ | $/g, "");
}
