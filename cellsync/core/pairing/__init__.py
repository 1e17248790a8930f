"""Admitting a device: a code from screen to screen, four words compared, a welcome (protocol/55-pairing.md).

    code          the secret of one invitation, as text and QR
    short         a number and three words instead, to be said aloud
    exchange      turns these few words into a secret of full strength
    words         the list that matching words are drawn from
    commitment    keeps a man in the middle from making the words agree
    messages      the messages of the two devices
    refusal       why a device is not admitted after all
    conversation  the part that both state machines share
    inviter       the device that shows the code and admits
    joiner        the device that was given the code

The shell makes an `Inviter` per connection, or one `Joiner`, moves bytes, and acts on the events.
"""
