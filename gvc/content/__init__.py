"""What comes out of published packages: demo clips, weights of metrics, pretrained judges. None of it is committed."""
