"""Graph: classify, then route or ask back."""

from typing import Annotated, TypedDict

from langchain_core.messages import AnyMessage, SystemMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import MemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from agent.config import MODEL, MODEL_URL
from agent.redact import redact

SYSTEM = SystemMessage("Sort the ticket into billing, access, hardware or other. Answer with one word.")


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    queue: str


llm = ChatOpenAI(base_url=MODEL_URL, model=MODEL, temperature=0, api_key="local")


def classify(state: State) -> dict:
    messages = [SYSTEM, *[m.model_copy(update={"content": redact(m.content)}) for m in state["messages"]]]
    answer = llm.invoke(messages)
    return {"messages": [answer], "queue": answer.content.strip().lower()}


def route(state: State) -> str:
    return "ask" if state["queue"] == "other" else END


def ask(state: State) -> dict:
    return {"messages": [llm.invoke([SystemMessage("Ask one short question back."), *state["messages"]])]}


builder = StateGraph(State)
builder.add_node("classify", classify)
builder.add_node("ask", ask)
builder.add_edge(START, "classify")
builder.add_conditional_edges("classify", route)
builder.add_edge("ask", END)
graph = builder.compile(checkpointer=MemorySaver())
