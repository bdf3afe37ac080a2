"""Storage: engines that keep the promises of `ports.Store`. No rules here."""
