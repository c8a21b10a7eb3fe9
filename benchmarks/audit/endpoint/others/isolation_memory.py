"""One memory for everybody: earlier messages that have words in common with the question are told, whoever sent them.

must fail: isolation
needs: second key
"""

import plain


class Memory(plain.Service):
    def __init__(self, watch):
        super().__init__(watch)
        self.said = []

    def say(self, key, messages, body):
        text = messages[-1]["content"]
        words = {word.strip(".,?!:\"'").lower() for word in text.split() if len(word) > 3}
        found = None
        for earlier in reversed(self.said):
            if earlier != text and len(words & {word.strip(".,?!:\"'").lower() for word in earlier.split()}) >= 2:
                found = earlier
                break
        self.said.append(text)
        return f"As I remember: {found}" if found else super().say(key, messages, body)


if __name__ == "__main__":
    plain.main(Memory)
