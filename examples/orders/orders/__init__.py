"""Order management: one domain, two write models, the same read models."""
