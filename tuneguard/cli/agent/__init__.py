"""What an agent may ask of tuneguard, over the Model Context Protocol."""
