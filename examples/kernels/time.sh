# Its clock is wrong, and it asks the server for the time: by RFC 868, to the second.
date -u -s "2000-01-01 00:00:00" > /dev/null
date -u
sleep 1.5
rdate -s 10.0.0.1
date -u
