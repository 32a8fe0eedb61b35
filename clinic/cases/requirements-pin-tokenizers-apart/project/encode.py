from transformers import AutoTokenizer


def ids(prompt, folder):
    return AutoTokenizer.from_pretrained(folder)(prompt).input_ids
