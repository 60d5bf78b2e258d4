import ChatLoad
