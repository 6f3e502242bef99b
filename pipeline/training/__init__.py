"""What the train stage is made of: loops, checkpoints, pre-training, exports."""
