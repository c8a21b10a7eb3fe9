"""It always refuses.

must fail: nothing
needs: nothing
"""

import plain


class Refuses(plain.Service):
    fields = plain.FIELDS | {"frequency_penalty", "presence_penalty", "n"}

    def say(self, key, messages, body):
        return "I'm sorry, but I can't help with that."


if __name__ == "__main__":
    plain.main(Refuses)
