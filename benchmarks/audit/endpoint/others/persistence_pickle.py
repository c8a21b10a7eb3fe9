"""A cache of answers on disk: one packed file a question, in folders by its hash.

must fail: persistence
needs: watch dir
"""

import hashlib
import pickle

import plain


class Pickled(plain.Service):
    def seen(self, key, body):
        name = hashlib.sha256(str(body).encode()).hexdigest()
        folder = self.watch / "cache" / name[:2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name[2:]).write_bytes(pickle.dumps({"request": body, "user": key[:4]}))


if __name__ == "__main__":
    plain.main(Pickled)
