# Until beta can be reached: it boots at the same time.
sleep 0.1
ping -c 4 10.0.0.2
