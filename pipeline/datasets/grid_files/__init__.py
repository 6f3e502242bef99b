"""Published data sets that people hold as files: grids of factors, SmallNORB, CelebA."""
