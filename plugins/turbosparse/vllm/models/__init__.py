"""Decoders of vLLM's layers around sparse feed-forward layers, one module for each name in `architectures`.

vLLM asks a model class in a subprocess what it supports and caches the answer under the hash of the class's module
alone. So each of these modules names the interfaces of its class itself.
"""
