# A host on a network: its address, and then what the variable DO says.
ip addr add "$IP/24" dev eth0
ip link set eth0 up
sh "/host/$DO"
