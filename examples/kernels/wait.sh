# Somebody else ends the world.
sleep 1000000
