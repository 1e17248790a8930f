"""Admitting a device: a code from screen to screen, four words compared, a welcome (protocol/55-pairing.md).

    code          the secret of one invitation, as text and QR
    short         a number and three words instead, to be said aloud
    exchange      how these few words become a secret of full strength
    words         the list that matching words are drawn from
    commitment    why nobody in the middle can make the words agree
    messages      what the two devices say
    conversation  what both machines share
    inviter       the device that shows the code and admits
    joiner        the device that was given the code

The shell makes an `Inviter` per connection, or one `Joiner`, moves bytes, and does what the events say.
"""
