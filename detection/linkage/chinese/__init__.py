"""What records of persons in Chinese need before they can be linked: numbers, names, dates, places in forms that meet."""
