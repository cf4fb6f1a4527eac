"""What a workspace knows: ingest, retrieval, memory. The use-cases over store, vectors, embeddings and documents.

Everything here blocks; `desk.py` is its async face for steps and tools.
"""
