# Takes what it is sent, and says how much it was.
nc -l -p 5000 | wc -c
