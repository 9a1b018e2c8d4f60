"""Other systems with the same task: 1s candles of the tape by event time, 2 s of disorder tolerated."""
