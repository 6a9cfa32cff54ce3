"""What spoils a received stream, one kind a file; `gvc.channel.impaired` puts them into a channel."""
