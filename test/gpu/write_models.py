"""Writes the model folders that turbosparse.yaml names: true headers and lengths, no data on disk."""

from pathlib import Path

from models import FOLDERS
from turbosparse.synthetic import write_model


def main() -> None:
    root = Path(__file__).with_name("models")
    for name, shape in FOLDERS.items():
        if not (root / name).exists():
            write_model(root / name, shape, data=False)
    print(f"{len(FOLDERS)} models in {root}")


if __name__ == "__main__":
    main()
