"""Retrieval chain over the handbook."""

import logging

import chromadb
from chromadb.config import Settings as ChromaSettings
from langchain_chroma import Chroma
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from handbook.settings import Settings

logger = logging.getLogger(__name__)

PROMPT = ChatPromptTemplate.from_template("Answer from the handbook only.\n\n{context}\n\nQuestion: {question}")


def build_store(settings: Settings) -> Chroma:
    client = chromadb.PersistentClient(
        path=settings.chroma_path,
        settings=ChromaSettings(anonymized_telemetry=False),
    )
    embeddings = OpenAIEmbeddings(base_url=settings.llm_url, model="bge-m3")
    return Chroma(client=client, collection_name="handbook", embedding_function=embeddings)


def build_chain(settings: Settings):
    retriever = build_store(settings).as_retriever(search_kwargs={"k": settings.top_k})
    llm = ChatOpenAI(
        base_url=settings.llm_url,
        model=settings.llm_model,
        temperature=0,
        timeout=60,
    )
    return {"context": retriever, "question": RunnablePassthrough()} | PROMPT | llm | StrOutputParser()
