"""A real, tiny, random-weight llama GGUF: small enough to build in a test, real enough for llama.cpp.

It knows nothing, so tests assert form (grammar, tokens, deadlines, ownership), never content.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
N_CTX = 4096
_N_EMBD, _N_HEAD, _N_LAYER, _N_FF = 64, 4, 2, 128
_SENTENCES = (
    "您好，这里是银行客户服务中心，请问有什么可以帮您？",
    "本次通话将被录音，请您知悉。",
    "这款理财产品不保本，存在本金亏损的可能。",
    "请问您的风险承受能力评级是多少？",
    "您的信用卡本期账单还有一笔欠款没有还。",
    "我想投诉，昨天那位坐席的态度很差。",
    "好的，我帮您登记，三个工作日内给您回复。",
    '{"outcome": "violated", "turns": [1, 2], "quote": "", "clause_id": "", "reason": ""}',
    "compliant not_applicable undetermined the agent said customer system",
)


def build_tiny_gguf(path: Path, *, seed: int = 7) -> Path:
    """Write the model to `path` and return it; the same seed gives the same bytes of weights."""
    import gguf
    import sentencepiece as spm

    # "bpe" keeps llama.cpp's SPM tokeniser equal to training; "unigram" would segment differently.
    trained = io.BytesIO()
    spm.SentencePieceTrainer.train(  # pyright: ignore[reportAttributeAccessIssue]
        sentence_iterator=iter(_SENTENCES * 4),
        model_writer=trained,
        model_type="bpe",
        vocab_size=480,
        byte_fallback=True,
        character_coverage=1.0,
        hard_vocab_limit=False,
        control_symbols=["<|im_start|>", "<|im_end|>"],
        num_threads=1,
        minloglevel=2,
    )
    vocab = spm.SentencePieceProcessor(model_proto=trained.getvalue())
    n_vocab = vocab.get_piece_size()
    pieces = [vocab.id_to_piece(i) for i in range(n_vocab)]
    # With these two, plain BPE merges spell the control token `</s>` even with special tokens off, as some real
    # vocabularies do.
    pieces[-2:] = ["</", "s>"]

    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(N_CTX)
    writer.add_embedding_length(_N_EMBD)
    writer.add_block_count(_N_LAYER)
    writer.add_feed_forward_length(_N_FF)
    writer.add_head_count(_N_HEAD)
    writer.add_head_count_kv(_N_HEAD)
    writer.add_rope_dimension_count(_N_EMBD // _N_HEAD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(n_vocab)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([piece.encode() for piece in pieces])
    writer.add_token_scores([vocab.get_score(i) for i in range(n_vocab)])
    writer.add_token_types([_token_type(vocab, i) for i in range(n_vocab)])
    writer.add_unk_token_id(vocab.unk_id())
    writer.add_bos_token_id(vocab.bos_id())
    writer.add_eos_token_id(vocab.piece_to_id("<|im_end|>"))
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)

    rng = np.random.default_rng(seed)

    def weight(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.5, shape).astype(np.float32)

    ones = np.ones(_N_EMBD, dtype=np.float32)
    writer.add_tensor("token_embd.weight", weight(n_vocab, _N_EMBD))
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", weight(n_vocab, _N_EMBD))
    for layer in range(_N_LAYER):
        block = f"blk.{layer}"
        writer.add_tensor(f"{block}.attn_norm.weight", ones)
        writer.add_tensor(f"{block}.ffn_norm.weight", ones)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{block}.{name}.weight", weight(_N_EMBD, _N_EMBD))
        writer.add_tensor(f"{block}.ffn_gate.weight", weight(_N_FF, _N_EMBD))
        writer.add_tensor(f"{block}.ffn_up.weight", weight(_N_FF, _N_EMBD))
        writer.add_tensor(f"{block}.ffn_down.weight", weight(_N_EMBD, _N_FF))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _token_type(vocab: object, token: int) -> int:
    import gguf

    if vocab.is_unknown(token):  # type: ignore[attr-defined]
        return gguf.TokenType.UNKNOWN
    if vocab.is_control(token):  # type: ignore[attr-defined]
        return gguf.TokenType.CONTROL
    if vocab.is_byte(token):  # type: ignore[attr-defined]
        return gguf.TokenType.BYTE
    return gguf.TokenType.NORMAL
