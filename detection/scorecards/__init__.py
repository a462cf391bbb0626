"""What each rule and model is worth, by what people decided of its findings. Pure."""
