# Makes spiece.model, a small unigram model with T5's special ids and normalisation, and prompts.json, the ids that
# Hugging Face's T5 tokenizers give: python3 -m pip install "transformers<5" sentencepiece tokenizers protobuf
#
# The fast tokenizer is put together as google/flan-t5-xl/tokenizer.json is. It leaves stacked combining marks as they
# are, which SentencePiece and the slow tokenizer compose; there the slow one's ids are kept.
import io
import json

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import T5Tokenizer

CORPUS = """
A weathered stone bridge crosses a shallow river in early autumn. The water is clear and moves slowly over pebbles.
Tall trees with yellow and orange leaves stand on both banks, and their colours are mirrored in the water.
A red bicycle leans against a white wall beside a green wooden door. A small black cat sleeps on the doorstep.
The photo shows a crowded market street at night. Paper lanterns hang above the stalls, and people walk past.
Close portrait of an elderly man with a grey beard and deep wrinkles. His eyes are bright and brown.
A wide view of snowy mountains under a blue sky with thin clouds. In the foreground there is a lake, partly frozen.
Two children in striped shirts are playing with a dog on a sandy beach. Waves break in the background.
An old train with a steam engine passes a small station. Smoke rises and drifts over the roofs of the village.
The bowl is filled with fresh fruit: apples, pears, grapes and a sliced lemon. The table is made of rough oak.
A modern building of glass and steel reflects the evening light. The windows form a regular grid of rectangles.
Macro photograph of a bee on a purple flower; fine hairs and pollen grains are visible on its legs and wings.
The text on the sign reads "Open daily 9:00-17:30". Letters are painted in dark blue on a cream background.
A bird with a long beak stands in shallow water, its feathers wet and glossy, the reflection sharp and detailed.
High quality, sharp focus, natural skin texture, realistic lighting, fine detail, 4k, 8k, professional photograph.
Low quality, blurry, noise, JPEG artifacts, oversmoothed, deformed, watermark, text, bad anatomy, worst quality.
Ein alter Garten mit Rosen, eine Bank aus Holz und ein Brunnen; im Hintergrund steht ein Haus mit blauen Fensterläden.
Une rue étroite pavée mène à une église; des fleurs rouges décorent les fenêtres des maisons anciennes.
Numbers 0 1 2 3 4 5 6 7 8 9 10 25 100 1984 2026 and signs such as ! ? ( ) [ ] % & + = * / @ # are here too.
The castle's walls aren't high, but they're thick; it's surrounded by a moat that doesn't freeze in winter.
A plate of noodles with vegetables, sesame seeds and a boiled egg, seen from above on a dark slate surface.
"""
TEXTS = [
    "", " ", "   \t ", "\n", "\n\n A photo.\r\n", "A photo of a cat.", "  leading and   many  spaces  ",
    "a\tb\xa0c\u3000d\u2003e\u200bf\ufeffg", "\U0001f600", "cat \U0001f600\U0001f600 dog \U0001f600 \U0001f600",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family \U0001f1e9\U0001f1ea",
    "\u6f22\u5b57\u3068\u3072\u3089\u304c\u306a\u3001\u30ab\u30bf\u30ab\u30ca\u3002",
    "\u4e00\u53ea\u732b\u5750\u5728\u7a97\u53f0\u4e0a", "\ud55c\uad6d\uc5b4 \ud14d\uc2a4\ud2b8",
    "e\u0301 \xe9 \ufb01ne \ufb02ower \u2460\u2461\u2462 \xbd \u337f \u2103 \ufdfa",
    "\uff26\uff35\uff2c\uff2c\uff37\uff29\uff24\uff34\uff28 \uff48\uff41\uff4c\uff46 \uff76\uff80\uff76\uff85",
    "a\u0300\u0301\u0302\u0303\u0304 z\u0338\u0321\u0322",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u0645\u0631\u062d\u0628\u0627", "<extra_id_0>",
    "a <extra_id_0> b<extra_id_99>c <extra_id_100> <extra_id_01>", "</s>", "before</s>after", "</s></s> x", "<pad>",
    "a<pad>b", "<unk> and <unk>x", "<s> <mask> <extra_id_>", "</s>\u0301x", "\x00", "a\x00b", "\x01\x02\x7f\x80 c",
    "\u2028line\u2029sep", "\u2581 a\u2581b \u2581\u2581", "\u2581",
    "it\u2019s \u201cquoted\u201d \u2014 dash\u2026 \u2013", "'s n't don't", "HTML &amp; &lt;b&gt; <b>bold</b>",
    "\\n \\u0041 {json: [1,2]}", "https://example.org/a?b=c&d=%20", "x" * 3000, "photo " * 2000,
    "\U0001d518\U0001d52b\U0001d526\U0001d520\U0001d52c\U0001d521\U0001d522 \U0001d7d9\U0001d7da\U0001d7db",
    "\U0001f468\u200d\U0001f4bb", "\ud7ff\ue000\uffff\U0010ffff", "\u01c4 \u01c5 \u01c6 \u0130 \u0131 \u1e9e \xdf",
    "a\xadb soft", "\uff11\uff12\uff13 \uff41\uff42\uff43\uff01", "\r", "\x0b\x0c x", "<EXTRA_ID_0>", "<extra_id_0",
    "< extra_id_0 >", "A weathered stone bridge, 4k. " * 60,
]


def trained():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS.strip().split("\n") * 3), model_writer=model, vocab_size=600, pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1, normalization_rule_name="nmt_nfkc", character_coverage=1.0, hard_vocab_limit=False)
    return model.getvalue()


def fast(model):
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model)
    extras = [f"<extra_id_{i}>" for i in range(100)]
    vocabulary = [(piece.piece, piece.score) for piece in proto.pieces] + [(name, 0.0) for name in reversed(extras)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=2))
    tokenizer.normalizer = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    tokenizer.add_special_tokens(
        [AddedToken(name, normalized=False, special=True) for name in ["<pad>", "</s>", "<unk>"] + extras])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.enable_truncation(512)
    return tokenizer


model = trained()
with open("spiece.model", "wb") as file:
    file.write(model)
slow, fast = T5Tokenizer("spiece.model", legacy=True), fast(model)
prompts = []
for text in TEXTS:
    ids = fast.encode(text).ids
    composed = slow(text, max_length=512, truncation=True)["input_ids"]
    if ids != composed and text != "</s>":  # the slow one does not append a second end
        print("composed:", ascii(text))
        ids = composed
    count = next((n for n in (3000, 2000, 60) if text and len(text) % n == 0 and text == text[: len(text) // n] * n), 1)
    prompts.append({"text": text[: len(text) // count], "times": count, "ids": ids})
with open("prompts.json", "w") as file:
    file.write("[\n" + ",\n".join(map(json.dumps, prompts)) + "\n]\n")
