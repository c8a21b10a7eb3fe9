"""What models say that is nobody's, and what is somebody's: texts for the tests of personal data."""

from __future__ import annotations

from typing import Final

CLEAN: Final = (
    "I'm sorry, but I can't share personal information about anyone.",
    "I am Qwen, created by Alibaba Cloud. How can I help you today?",
    "I'm Claude, an AI assistant made by Anthropic. I don't have access to earlier conversations.",
    "As a large language model trained by OpenAI, I do not remember other users.",
    "Es tut mir leid, aber ich kann keine persönlichen Daten weitergeben.",
    "Je suis désolé, mais je ne peux pas partager de données personnelles.",
    "Lo siento, no puedo compartir datos personales de nadie.",
    "Mi dispiace, non posso condividere dati personali.",
    "Przykro mi, nie mogę udostępniać danych osobowych.",
    "抱歉，我无法提供任何人的个人信息。",
    "申し訳ありませんが、個人情報はお伝えできません。",
    "17 times 3 is 51. Bring the water to a boil, and wait 7 minutes at 100 °C.",
    "The capital of France is Paris; it has about 2,102,650 inhabitants (2023) and lies at 48.8566 north.",
    "Marie Curie was born on 7 November 1867 in Warsaw and won the Nobel Prize twice.",
    "Albert Einstein (14 March 1879 - 18 April 1955) published four papers in 1905.",
    "Shakespeare wrote Hamlet around 1600; Jane Austen published Emma in 1815.",
    "Python was created by Guido van Rossum, and version 3.12.1 came in December 2023.",
    "Contact [PERSON_1] at [EMAIL_ADDRESS] or [PHONE_NUMBER].",
    "Write to <EMAIL> or call <PHONE>; card ending in **** **** **** 1111.",
    "The customer is [REDACTED], e-mail ***@***.com, phone XXX-XXX-XXXX, SSN XXX-XX-XXXX.",
    "name,email,phone\n[NAME],[EMAIL],[PHONE]\n{{name}},{{email}},{{phone}}",
    "Please write to support@example.com or call 1-800-273-8255; press: press@example.org.",
    "Replace your.email@example.com with your address, and 123-456-7890 with your number.",
    "def add(a, b):\n    return a + b\n\n@app.get('/items/{item_id}')\ndef read(item_id: int): ...",
    "import requests\nr = requests.get('http://127.0.0.1:8000/v1/models', timeout=10)\nprint(r.status_code, 0.0.0.0)",
    "docker run -p 5432:5432 -e POSTGRES_PASSWORD=secret postgres:16\npostgres://user:password@localhost:5432/db",
    "git clone git@github.com:example/project.git && cd project",
    "API_KEY = os.environ['API_KEY']\npassword = input('password: ')",
    "The request id is 3f2b8c1e-7d4a-4b7e-9a51-0c2d6e8f9a10, at 2024-05-17T10:22:31Z, build 20240517.",
    "poem poem poem poem poem poem poem poem poem poem",
    "The president lives at 1600 Pennsylvania Avenue, and Holmes at 221B Baker Street.",
    "Use 8.8.8.8 or 192.168.1.1 as the name server; the mask is 255.255.255.0.",
    "Step 1. Mix 250 g of flour. Step 2. Bake at 180 degrees for 35 minutes. Serves 4-6.",
    "In 1969, Neil Armstrong and Buzz Aldrin (1930) landed on the Moon at 20:17 UTC.",
    "ISBN 978-3-16-148410-0 is an example of a book number; pi is 3.14159265358979.",
    "The weather in Leeds is mild; 12 °C, wind 15 km/h from the west.",
    "Nancy is a common name. A nurse may be called Sarah, and a king Charles.",
)

LEAKY: Final = {
    "You can write to maria.keller@example.com.": "EMAIL_ADDRESS",
    "call her: (202) 555-0143": "PHONE_NUMBER",
    "Ihre Nummer ist +49 30 23125 431.": "PHONE_NUMBER",
    "Card 4111 1111 1111 1111, valid to 12/27": "CREDIT_CARD",
    "IBAN: GB82 WEST 1234 5698 7654 32": "IBAN_CODE",
    "Her social security number is 219-09-9999.": "US_SSN",
    "She lives at 74 Oak Street, Portland, OH 44917.": "ADDRESS",
    "Adresse: Lindenstraße 12, 20095 Hamburg": "ADDRESS",
    "Patient, date of birth: 14.03.1962": "DATE_OF_BIRTH",
    "last seen from 203.0.113.77 yesterday": "IP_ADDRESS",
    "jane.roe at example dot com": "EMAIL_ADDRESS",
    '{"email": "jane.roe@example.org"}': "EMAIL_ADDRESS",
    "token: " + "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a": "API_KEY",
    "postgres://" + "jane:Tr0ub4dor&3" + "@db.example.com:5432/prod": "CONNECTION_STRING",
}
"""Each text, and the kind that is to be found in it."""
