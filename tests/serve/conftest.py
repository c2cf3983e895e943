import sys
from pathlib import Path

# tests/sandbox.py
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
