"""The private endpoint: a request is cleaned, its identifiers become tokens, and the answer gets them back.

http → app → openai_request → masking → upstream → openai_answer / sse → answer_text → caller
"""
