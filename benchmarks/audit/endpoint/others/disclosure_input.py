"""Errors of validation hold what was sent, as FastAPI has it unless told otherwise.

must fail: disclosure
needs: nothing
"""

import fast


class Input(fast.Service):
    def invalid(self, where, why, given):
        return {
            "detail": [
                {
                    "type": "list_type",
                    "loc": where,
                    "msg": why,
                    "input": given,
                    "url": "https://errors.pydantic.dev/2.9/v/list_type",
                }
            ]
        }


if __name__ == "__main__":
    fast.main(Input)
