import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class Engine:
    def __init__(self, name: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(name)
        self.model = AutoModelForCausalLM.from_pretrained(
            name,
            torch_dtype=torch.bfloat16,
            trust_remote_code=False,
            use_safetensors=True,
        )
        self.model.eval()

    @torch.inference_mode()
    def generate(self, prompt: str, max_tokens: int) -> str:
        inputs = self.tokenizer(prompt, return_tensors="pt")
        output = self.model.generate(**inputs, max_new_tokens=max_tokens, do_sample=False)
        return self.tokenizer.decode(output[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True)

    def load_head(self, path: str) -> None:
        self.model.lm_head.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
