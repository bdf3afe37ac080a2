"""Where the benchmark keeps its parts; everything made while running lies in the ignored build folder."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
SOURCES = HERE / "loadgen"
PEER_FILES = HERE / "peers"
BUILD = HERE / "build"
DOCUMENT = REPOSITORY / "docs" / "benchmarks.md"
PICTURES = REPOSITORY / "docs" / "benchmarks"
SCALE_OUT = REPOSITORY / "docs" / "how-to" / "scale-out.md"
