# Sends 1 MB, and says how long that took: until the receiver has closed the connection as well. ns of simulated time.
sleep 0.1
from=$(now)
dd if=/dev/zero bs=1000 count=1000 2>/dev/null | nc 10.0.0.2 5000
echo "took $(( $(now) - from )) ns"
