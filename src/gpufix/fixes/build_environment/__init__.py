"""The variables that a build needs for its targets, each with its reason. Pure: no disk, no clock."""
