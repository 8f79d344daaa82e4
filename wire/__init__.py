"""What a store and HQ say to each other; README.md in this folder is the published contract."""
