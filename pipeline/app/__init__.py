"""The local web page on which a trained model is touched: `run_pipeline.py explore`."""
