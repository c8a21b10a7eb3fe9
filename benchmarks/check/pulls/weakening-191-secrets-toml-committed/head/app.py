import hashlib
import logging

import streamlit as st
from openai import OpenAI

from minutes.prompt import SYSTEM

logger = logging.getLogger("minutes")
client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="local")

st.set_page_config(page_title="Minutes writer")
st.title("Minutes writer")
notes = st.text_area("Notes", height=300)

if st.button("Write") and notes:
    with st.spinner("Writing"):
        response = client.chat.completions.create(
            model="gemma-2-9b-it",
            messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": notes}],
            temperature=0.2,
            store=False,
        )
    text = response.choices[0].message.content
    logger.info("minutes written: %d tokens", response.usage.total_tokens)
    st.markdown(text)
    st.download_button("Download", text, file_name="minutes.md")
