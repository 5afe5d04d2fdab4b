"""What is done with batches: files kept, jobs made and stopped, lines asked, answers put together."""
