# A machine that does one job after the other, until there is a file `stop`.
# A job is a file with its name and how long it takes, in seconds of the machine's time.
cd "/host/$MACHINE"
until [ -e ../stop ]; do
  if [ -e job ]; then
    read -r name seconds < job
    rm job
    # The fault in this machine.
    if [ "$name" = "$BROKEN" ]; then seconds=3; fi
    # The wall clock starts at 0, with the calendar: this is simulated time, in ns.
    from=$(now)
    sleep "$seconds"
    echo "$name $from $(now)" > unfinished
    mv unfinished "$name.done"
  fi
  sleep 0.02
done
