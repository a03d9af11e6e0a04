"""What every process of ours begins with: its settings, its logs and the SDK's runtime."""

from process.settings import ProcessSettings

__all__ = ["ProcessSettings"]
