"""What every plugin shares: talking to the broker, files in, frames home. Pure standard library, no host
import.

Nothing here starts a thread when it is imported. Calls block: a plugin runs them on a thread of its own.
"""
