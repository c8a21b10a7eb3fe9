import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr

from model import simplify

EXAMPLES = ["Pursuant to section 4 you are hereby requested to remit the amount due within fourteen days."]


def run(letter: str, level: str) -> str:
    if not letter.strip():
        raise gr.Error("paste a letter first")
    return simplify(letter, level)


demo = gr.Interface(
    fn=run,
    inputs=[gr.Textbox(lines=12, label="Letter"), gr.Radio(["A2", "B1"], value="B1", label="Level")],
    outputs=gr.Textbox(lines=12, label="In plain language"),
    examples=EXAMPLES,
    cache_examples=False,
    flagging_mode="never",
    analytics_enabled=False,
    title="Letter Simplifier",
)

if __name__ == "__main__":
    demo.queue(max_size=16).launch(
        server_name="127.0.0.1",
        server_port=7860,
        share=False,
        show_api=False,
        show_error=False,
    )
