"""Reading image and mask folders, hold-out, crops, augmentation, orientation labels."""
