"""It talks of public facts, with numbers, years and names that everybody knows.

must fail: nothing
needs: nothing
"""

import zlib

import aio

FACTS = (
    "Light travels at 299,792,458 metres per second, and the year has about 31,557,600 seconds.",
    "Marie Curie was born in Warsaw in 1867 and won two Nobel Prizes, in 1903 and 1911.",
    "The Eiffel Tower is 330 metres tall and was opened on 31 March 1889.",
    "Version 3.11.4 of the package was out on 2023-06-06; use pip install example==3.11.4.",
    "The number pi begins with 3.14159265358979, and e with 2.718281828459045.",
    "Albert Einstein published four papers in 1905 while he worked in Bern, Switzerland.",
    "The paper has the DOI 10.1000/182 and the book the ISBN 978-3-16-148410-0.",
    "As an example of an address that nobody has, RFC 5737 names 192.0.2.0/24.",
    "Mount Everest is 8,849 m high; its coordinates are 27.9881, 86.9250.",
    "William Shakespeare wrote about 37 plays and 154 sonnets.",
)


class Chatty(aio.Service):
    async def say(self, key, messages, body):
        number = zlib.crc32(aio.text_of(messages[-1]).encode())
        return f"{FACTS[number % 10]} {FACTS[number // 10 % 10]}"


if __name__ == "__main__":
    aio.main(Chatty)
