"""Photograph the pages of a running console, as a laptop and a phone show them, for the README.

txwatch console --port 8501 &
python scripts/photograph_console.py http://127.0.0.1:8501 docs/images
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "embedded" / "console"))

from headless import headless_chromium, photograph

SIZES = ((1280, 800), (390, 844))
PAGES = ("", "alerts", "quarantine", "health")

if __name__ == "__main__":
    address, folder = sys.argv[1], Path(sys.argv[2])
    with headless_chromium() as browser:
        for width, height in SIZES:
            for page in PAGES:
                print(photograph(browser, address, page, (width, height), folder))
