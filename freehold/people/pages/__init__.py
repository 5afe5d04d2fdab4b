"""Pages of people and organisations: plain forms, each answered by one verb."""
