"""Train, score and select disentangling generative models: `python run_pipeline.py --help`."""

import sys

if __name__ == "__main__":
    try:
        from pipeline.cli import main
    except KeyboardInterrupt:  # there is nothing to save yet
        sys.exit(130)
    sys.exit(main())
