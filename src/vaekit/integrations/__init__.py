"""Where runs go: loggers, the Hugging Face Hub, ONNX."""
